import { useEffect, useState } from 'react';
import { type Told, told } from './events';

const KINDS = ['phase', 'progress', 'loss', 'warning', 'item'];
/** Most events that are kept in the page. */
const MOST = 2000;

/** What a run tells, from its beginning, as long as the page is shown; `onEnd` when it has ended. */
export function useEvents(run: string, onEnd: () => void): { told: Told[]; isLive: boolean } {
  const [all, setAll] = useState<Told[]>([]);
  const [isLive, setIsLive] = useState(false);
  useEffect(() => {
    setAll([]);
    const stream = new EventSource(`/api/v1/runs/${encodeURIComponent(run)}/events`);
    // A browser that comes back asks behind the last event it has: none comes twice.
    const hear = (event: MessageEvent<string>) => {
      const one = told(event.type, event.lastEventId, event.data);
      setAll((known) => (known.some((other) => other.seq === one.seq) ? known : [...known, one].slice(-MOST)));
    };
    KINDS.forEach((kind) => stream.addEventListener(kind, hear));
    stream.addEventListener('open', () => setIsLive(true));
    stream.addEventListener('error', () => setIsLive(false));
    stream.addEventListener('end', () => {
      // Else the browser would come back for ever.
      stream.close();
      setIsLive(false);
      onEnd();
    });
    return () => stream.close();
  }, [run, onEnd]);
  return { told: all, isLive };
}
