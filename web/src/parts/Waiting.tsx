import { Spin } from 'antd';
import { useWords } from '../i18n';

/** Something is on its way. */
export function Waiting() {
  const words = useWords();
  return (
    <div className="waiting" role="status" aria-label={words.common.loading}>
      <Spin />
    </div>
  );
}
