import createClient, { type Middleware } from 'openapi-fetch';
import { ProblemError, problemOf } from './problem';
import type { paths } from './schema';

/** What proves to the server that a change was meant; known while a session is. */
let csrf = '';

/** Remembers the value that changes carry. */
export function rememberCsrf(value: string | null | undefined): void {
  csrf = value ?? '';
}

/** Called when the server says that nobody is signed in any more. */
let onSignedOut: () => void = () => {};

/** Sets what happens when a session has ended. */
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

const proof: Middleware = {
  onRequest({ request }) {
    if (!['GET', 'HEAD'].includes(request.method)) request.headers.set('X-CSRF-Token', csrf);
    return request;
  },
  onResponse({ response, schemaPath }) {
    if (response.status === 401 && schemaPath !== '/api/v1/session') onSignedOut();
  },
};

/** The API, typed by its own description. */
export const api = createClient<paths>({ baseUrl: '/', credentials: 'same-origin' });
api.use(proof);

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The document of an answer; a problem is thrown as such. */
export async function take<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch {
    throw new ProblemError(problemOf(undefined, 0));
  }
  if (!answer.response.ok) throw new ProblemError(problemOf(answer.error, answer.response.status));
  return answer.data as T;
}

/** A revision as the header that a change carries. */
export function builtOn(revision: number): { 'If-Match': string } {
  return { 'If-Match': `"${revision}"` };
}
