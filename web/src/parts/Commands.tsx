import { CheckOutlined, CopyOutlined } from '@ant-design/icons';
import { Button } from 'antd';
import { useState } from 'react';
import { useWords } from '../i18n';

function Block({ title, text }: { title: string; text: string }) {
  const words = useWords();
  const [isCopied, setIsCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setIsCopied(true);
    window.setTimeout(() => setIsCopied(false), 2000);
  };
  return (
    <>
      <h3>{title}</h3>
      <figure>
        <pre>{text}</pre>
        <Button
          size="small"
          type="text"
          icon={isCopied ? <CheckOutlined /> : <CopyOutlined />}
          aria-label={`${isCopied ? words.common.copied : words.common.copy}: ${title}`}
          onClick={() => void copy()}
        />
      </figure>
    </>
  );
}

/** How the same is done without the console. */
export function Commands({ cli, api, title }: { cli?: string; api?: string; title?: string }) {
  const words = useWords();
  return (
    <section className="sheet command">
      <h2>{title ?? words.command.title}</h2>
      {cli && <Block title={words.command.cli} text={cli} />}
      {api && <Block title={words.command.api} text={api} />}
      {api && <p className="soft small">{words.command.note}</p>}
    </section>
  );
}
