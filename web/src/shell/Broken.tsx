import { useRouteError } from 'react-router';
import { asProblem } from '../api/problem';
import { ProblemBox } from '../parts/ProblemBox';

/** What is shown where a page itself failed. */
export function Broken() {
  const error = useRouteError();
  return (
    <div className="page">
      <ProblemBox problem={asProblem(error)} retry={() => window.location.reload()} />
    </div>
  );
}
