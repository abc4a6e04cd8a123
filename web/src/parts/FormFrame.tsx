import { Button } from 'antd';
import { useNavigate } from 'react-router';
import { useWords } from '../i18n';

/** The end of a form: save, or leave it. */
export function FormEnd({ isBusy }: { isBusy: boolean }) {
  const words = useWords();
  const go = useNavigate();
  return (
    <div className="chips">
      <Button type="primary" htmlType="submit" loading={isBusy}>
        {words.common.save}
      </Button>
      <Button onClick={() => void go(-1)}>{words.common.cancel}</Button>
    </div>
  );
}

/** The lines of a text, without empty ones. */
export function linesOf(text: string | undefined): string[] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
