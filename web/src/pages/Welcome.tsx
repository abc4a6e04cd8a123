import type { ReactNode } from 'react';
import { useWords } from '../i18n';
import { Mark } from '../parts/Mark';
import { Looks } from '../shell/Shell';

/** The page of those who have not signed in yet. */
export function Welcome({ children }: { children: ReactNode }) {
  const words = useWords();
  return (
    <div className="welcome">
      <div className="motto">
        <div className="brand">
          <Mark />
          <span>
            <strong>{words.app.name}</strong>
            <small>{words.app.tagline}</small>
          </span>
        </div>
        <p>
          {words.sign.motto.map((line) => (
            <span key={line}>
              {line}
              <br />
            </span>
          ))}
        </p>
        <span />
      </div>
      <div className="panel">
        <div className="looks">
          <Looks />
        </div>
        <main className="card">{children}</main>
      </div>
    </div>
  );
}
