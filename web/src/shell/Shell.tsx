import {
  ApartmentOutlined,
  AuditOutlined,
  CloudServerOutlined,
  DashboardOutlined,
  DatabaseOutlined,
  HddOutlined,
  LogoutOutlined,
  MenuOutlined,
  MoonOutlined,
  PlayCircleOutlined,
  SettingOutlined,
  SunOutlined,
} from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Button, Select } from 'antd';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { NavLink, Outlet, useLocation } from 'react-router';
import { api, rememberCsrf, take } from '../api/client';
import { useHealth } from '../api/queries';
import { may, type Session } from '../api/types';
import { useWords, worded } from '../i18n';
import type { Lang } from '../lib/format';
import { Mark } from '../parts/Mark';
import { ViewerContext } from './viewer';
import { useChoices } from './settings';

/** The frame of every page: navigation, language, appearance, who is signed in. */
export function Shell({ session }: { session: Session }) {
  const words = useWords();
  const [isOpen, setIsOpen] = useState(false);
  const place = useLocation();
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // A new page begins at its top, and a reader of a screen hears it.
  useEffect(() => {
    setIsOpen(false);
    if (isFirst.current) isFirst.current = false;
    else main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [place.pathname]);
  return (
    <ViewerContext value={session}>
      <a className="skip" href="#content">
        {words.app.skip}
      </a>
      <div className="frame">
        <Side isOpen={isOpen} role={session.user.role} />
        {isOpen && <button type="button" className="veil" aria-label={words.common.close} onClick={() => setIsOpen(false)} />}
        <div className="body">
          <header className="top">
            <Button className="burger" type="text" icon={<MenuOutlined />} aria-label={words.app.menu} aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)} />
            <span className="grow" />
            <Tools session={session} />
          </header>
          <main id="content" ref={main} tabIndex={-1} className="page">
            <Outlet />
          </main>
        </div>
      </div>
    </ViewerContext>
  );
}

function Side({ isOpen, role }: { isOpen: boolean; role: string }) {
  const words = useWords();
  const health = useHealth();
  const nav = words.nav;
  return (
    <aside className={isOpen ? 'side open' : 'side'}>
      <div className="brand">
        <Mark />
        <span>
          <strong>{words.app.name}</strong>
          <small>{words.app.tagline}</small>
        </span>
      </div>
      <nav aria-label={words.app.menu}>
        <Group title={nav.groups.see}>
          <Item to="/" icon={<DashboardOutlined />} text={nav.overview} />
          <Item to="/runs" icon={<PlayCircleOutlined />} text={nav.runs} />
        </Group>
        <Group title={nav.groups.protect}>
          <Item to="/sources" icon={<DatabaseOutlined />} text={nav.sources} />
          <Item to="/policies" icon={<ApartmentOutlined />} text={nav.policies} />
        </Group>
        <Group title={nav.groups.keep}>
          <Item to="/snapshots" icon={<HddOutlined />} text={nav.snapshots} />
          <Item to="/storage" icon={<CloudServerOutlined />} text={nav.storage} />
        </Group>
        <Group title={nav.groups.govern}>
          {may(role, 'audit.read') && <Item to="/audit" icon={<AuditOutlined />} text={nav.audit} />}
          <Item to="/settings" icon={<SettingOutlined />} text={nav.settings} />
        </Group>
      </nav>
      {health.data && (
        <p className="version">
          {words.app.about} {health.data.version}
        </p>
      )}
    </aside>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="group">
      <h2>{title}</h2>
      <ul>{children}</ul>
    </div>
  );
}

function Item({ to, icon, text }: { to: string; icon: ReactNode; text: string }) {
  return (
    <li>
      <NavLink to={to} end={to === '/'}>
        <span aria-hidden="true">{icon}</span>
        {text}
      </NavLink>
    </li>
  );
}

/** Language and appearance: also before somebody has signed in. */
export function Looks() {
  const words = useWords();
  const { lang, setLang, isDark, setMode } = useChoices();
  return (
    <>
      <Select<Lang>
        aria-label={words.common.language}
        value={lang}
        onChange={setLang}
        variant="borderless"
        popupMatchSelectWidth={false}
        options={[
          { value: 'en', label: 'English' },
          { value: 'zh', label: '中文' },
        ]}
      />
      <Button
        type="text"
        icon={isDark ? <SunOutlined /> : <MoonOutlined />}
        aria-label={`${words.common.theme}: ${isDark ? words.common.light : words.common.dark}`}
        onClick={() => setMode(isDark ? 'light' : 'dark')}
      />
    </>
  );
}

function Tools({ session }: { session: Session }) {
  const words = useWords();
  const client = useQueryClient();
  const signOut = async () => {
    // Whether or not the server hears it, what this browser knows of the session goes.
    await take(api.DELETE('/api/v1/session')).catch(() => undefined);
    rememberCsrf('');
    client.setQueryData(['session'], null);
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'session' });
  };
  return (
    <>
      <Looks />
      <span className="who">
        <strong>{session.user.name}</strong>
        <small>{worded(words.roles, session.user.role)}</small>
      </span>
      <Button type="text" icon={<LogoutOutlined />} aria-label={words.sign.out} onClick={() => void signOut()} />
    </>
  );
}
