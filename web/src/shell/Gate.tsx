import { Suspense } from 'react';
import { useSession } from '../api/queries';
import { asProblem } from '../api/problem';
import { ProblemBox } from '../parts/ProblemBox';
import { Waiting } from '../parts/Waiting';
import { SignIn } from '../pages/SignIn';
import { Shell } from './Shell';

/** Lets in who is signed in; everybody else signs in first and comes to the same address. */
export function Gate() {
  const session = useSession();
  if (session.isPending) return <Waiting />;
  if (session.error) {
    return (
      <main className="page">
        <ProblemBox problem={asProblem(session.error)} retry={() => void session.refetch()} />
      </main>
    );
  }
  if (!session.data) return <SignIn />;
  return (
    <Suspense fallback={<Waiting />}>
      <Shell session={session.data} />
    </Suspense>
  );
}
