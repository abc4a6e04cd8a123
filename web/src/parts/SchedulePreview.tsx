import { useLang, useWords } from '../i18n';
import { preview } from '../lib/cron';
import { instant, offset, relative } from '../lib/format';
import { useNow } from './When';

/** When a schedule comes next, or why it does not. */
export function SchedulePreview({ cron, zone }: { cron: string; zone: string }) {
  const words = useWords();
  const lang = useLang();
  const now = useNow();
  const found = preview(cron, zone, now);
  return (
    <div className="preview" aria-live="polite">
      <strong>{words.policies.preview}</strong>
      {'times' in found ? (
        <>
          <ol>
            {found.times.map((ms) => (
              <li key={ms} className="number">
                {instant(ms, lang, zone)} {offset(ms, zone)} <span className="soft">· {relative(ms, now, lang)}</span>
              </li>
            ))}
          </ol>
          <p className="soft small">{words.policies.previewNote}</p>
        </>
      ) : (
        <p>{words.policies.faults[found.fault]}</p>
      )}
    </div>
  );
}
