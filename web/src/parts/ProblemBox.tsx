import { CloseCircleOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { asProblem } from '../api/problem';
import type { Problem } from '../api/types';
import { useWords, type Words } from '../i18n';

/** A problem in the reader's words, where its code is known: what happened, and what to do next. */
export function wordedProblem(words: Words, problem: Problem): { title: string; next: string } {
  const known = (words.problem.codes as Record<string, string[]>)[problem.code];
  return { title: known?.[0] ?? (problem.title || words.problem.unknown), next: known?.[1] ?? problem.hint };
}

/** A problem as the server tells it: title, detail, next step, code. */
export function ProblemBox({ problem, retry }: { problem: Problem; retry?: () => void }) {
  const words = useWords();
  const { title, next } = wordedProblem(words, problem);
  return (
    <div className="problem" role="alert">
      <CloseCircleOutlined aria-hidden="true" />
      <div>
        <h2>{title}</h2>
        {problem.detail && <p lang="en">{problem.detail}</p>}
        <dl>
          {next && (
            <>
              <dt>{words.problem.next}</dt>
              <dd>{next}</dd>
            </>
          )}
          <dt>{words.problem.code}</dt>
          <dd className="mono">{problem.code}</dd>
        </dl>
        {retry && <Button onClick={retry}>{words.common.retryLoading}</Button>}
      </div>
    </div>
  );
}

/** The problem of a question or a change that failed; nothing where it did not. */
export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  return error ? <ProblemBox problem={asProblem(error)} retry={retry} /> : null;
}
