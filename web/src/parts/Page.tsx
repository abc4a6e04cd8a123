import { InboxOutlined } from '@ant-design/icons';
import { type ReactNode, useEffect } from 'react';
import { Link } from 'react-router';
import { useWords } from '../i18n';

interface HeadProps {
  title: string;
  lead?: ReactNode;
  acts?: ReactNode;
  /** The list that this page belongs to. */
  up?: { to: string; text: string };
}

/** The head of a page: where it is, what it is called, what can be done. */
export function Head({ title, lead, acts, up }: HeadProps) {
  const words = useWords();
  useEffect(() => {
    document.title = `${title} · ${words.app.name}`;
  }, [title, words]);
  return (
    <div className="head">
      <div>
        {up && (
          <p className="crumb">
            <Link to={up.to}>{up.text}</Link> <span className="soft">/</span>
          </p>
        )}
        <h1>{title}</h1>
        {lead && <div className="lead">{lead}</div>}
      </div>
      {acts && <div className="acts">{acts}</div>}
    </div>
  );
}

/** A part of a page. */
export function Sheet({ title, more, flush, className, children }: { title?: string; more?: ReactNode; flush?: boolean; className?: string; children: ReactNode }) {
  return (
    <section className={`sheet${flush ? ' flush' : ''}${className ? ` ${className}` : ''}`}>
      {title && (
        <div className="sheet-head">
          <h2>{title}</h2>
          {more}
        </div>
      )}
      {children}
    </section>
  );
}

/** Nothing yet: what would be here, and how it comes to be. */
export function Empty({ title, text, act }: { title: string; text: string; act?: ReactNode }) {
  return (
    <div className="empty">
      <InboxOutlined aria-hidden="true" />
      <h2>{title}</h2>
      <p>{text}</p>
      {act}
    </div>
  );
}

/** Facts of a thing. */
export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {items
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
