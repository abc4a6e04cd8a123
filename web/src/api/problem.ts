import type { Problem } from './types';

/** A problem document, thrown. */
export class ProblemError extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.name = 'ProblemError';
  }
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'detail' in value;
}

/** The problem in an answer; where there is none, one that says so. Status 0: no answer came at all. */
export function problemOf(body: unknown, status: number): Problem {
  if (isProblem(body)) return body;
  const code = status === 0 ? 'unreachable' : 'no-document';
  return { type: `urn:datakeep:problem:${code}`, title: '', status, code, detail: status === 0 ? '' : `HTTP ${status}`, hint: '' };
}

/** Any error as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { type: 'urn:datakeep:problem:console', title: '', status: 0, code: 'console', detail, hint: '' };
}
