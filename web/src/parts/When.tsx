import { useEffect, useState } from 'react';
import { useLang } from '../i18n';
import { instant, offset, relative } from '../lib/format';

/** The present, told anew every so often. */
export function useNow(everyMs = 30_000): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), everyMs);
    return () => window.clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** An instant: absolute with its zone, and how far away it is. */
export function When({ ms, zone, isBrief = false }: { ms: number; zone?: string; isBrief?: boolean }) {
  const lang = useLang();
  const now = useNow();
  const absolute = `${instant(ms, lang, zone)} ${offset(ms, zone)}`;
  const iso = new Date(ms).toISOString();
  if (isBrief) {
    return (
      <time dateTime={iso} title={absolute} className="nowrap">
        {relative(ms, now, lang)}
      </time>
    );
  }
  return (
    <time dateTime={iso} className="number">
      {absolute}
      <small>{relative(ms, now, lang)}</small>
    </time>
  );
}
