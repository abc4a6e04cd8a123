import { Radio } from 'antd';
import { useWords } from '../../i18n';
import { Sheet } from '../../parts/Page';
import { MODES } from '../../shell/look';
import { useChoices } from '../../shell/settings';

/** Language and appearance. */
export function LookSettings() {
  const words = useWords();
  const { lang, setLang, mode, setMode } = useChoices();
  return (
    <Sheet>
      <h2>{words.common.language}</h2>
      <Radio.Group
        aria-label={words.common.language}
        value={lang}
        onChange={(event) => setLang(event.target.value)}
        options={[
          { value: 'en', label: 'English' },
          { value: 'zh', label: '中文' },
        ]}
      />
      <h2>{words.common.theme}</h2>
      <Radio.Group aria-label={words.common.theme} value={mode} onChange={(event) => setMode(event.target.value)} options={MODES.map((one) => ({ value: one, label: words.common[one] }))} />
      <p className="soft small">{words.settings.lookNote}</p>
    </Sheet>
  );
}
