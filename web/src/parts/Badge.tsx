import {
  CheckCircleOutlined,
  ClockCircleOutlined,
  CloseCircleOutlined,
  ExclamationCircleOutlined,
  MinusCircleOutlined,
  SyncOutlined,
} from '@ant-design/icons';
import type { ReactNode } from 'react';
import { useWords, worded } from '../i18n';

export type Tone = 'good' | 'warn' | 'bad' | 'info' | 'rest';

const ICONS: Record<Tone, ReactNode> = {
  good: <CheckCircleOutlined />,
  warn: <ExclamationCircleOutlined />,
  bad: <CloseCircleOutlined />,
  info: <SyncOutlined />,
  rest: <MinusCircleOutlined />,
};

/** A state: a sign, a word and a colour, so that none of them is alone. */
export function Badge({ tone, icon, children }: { tone: Tone; icon?: ReactNode; children: ReactNode }) {
  return (
    <span className={`badge tone-${tone}`}>
      <span aria-hidden="true">{icon ?? ICONS[tone]}</span>
      {children}
    </span>
  );
}

/** The tone of a run's state. */
export function toneOf(state: string): Tone {
  const tones: Record<string, Tone> = { complete: 'good', partial: 'warn', failed: 'bad', running: 'info' };
  return tones[state] ?? 'rest';
}

/** The state of a run. */
export function RunBadge({ state }: { state: string }) {
  const words = useWords();
  const icon = state === 'queued' ? <ClockCircleOutlined /> : state === 'running' ? <SyncOutlined spin /> : undefined;
  return (
    <Badge tone={toneOf(state)} icon={icon}>
      {worded(words.states, state)}
    </Badge>
  );
}
