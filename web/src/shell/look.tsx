import { theme, type ThemeConfig } from 'antd';

/** What may be chosen. */
export const MODES = ['system', 'light', 'dark'] as const;
export type Mode = (typeof MODES)[number];

const MODE_KEY = 'datakeep.appearance';

/** What was chosen, else as the system. */
export function firstMode(): Mode {
  const chosen = localStorage.getItem(MODE_KEY);
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}

/** Remembers the choice in this browser. */
export function keepMode(mode: Mode): void {
  localStorage.setItem(MODE_KEY, mode);
}

const FONTS =
  'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "PingFang SC", "Hiragino Sans GB", "Noto Sans CJK SC", "Noto Sans SC", "Microsoft YaHei", "WenQuanYi Zen Hei", sans-serif';

const COMMON = { fontFamily: FONTS, borderRadius: 8, wireframe: false, motionDurationMid: '0.12s', motionDurationSlow: '0.16s' };

// Ant Design's own colours of links, hints and states are lighter than WCAG AA asks: these are at least 4.5 to 1 on what they stand on.
const LIGHT: ThemeConfig = {
  algorithm: theme.defaultAlgorithm,
  token: {
    ...COMMON,
    colorPrimary: '#0b4fc4',
    colorLink: '#0b4fc4',
    colorError: '#b42318',
    colorSuccess: '#11693a',
    colorWarning: '#8a4b00',
    colorTextSecondary: '#4a5567',
    colorTextTertiary: '#566072',
    colorTextDescription: '#4f5b6d',
    colorTextPlaceholder: '#667085',
    colorTextHeading: '#101828',
    colorBgLayout: '#f4f6fa',
  },
};

const DARK: ThemeConfig = {
  algorithm: theme.darkAlgorithm,
  token: {
    ...COMMON,
    colorPrimary: '#2f6fe4',
    colorLink: '#8ab4ff',
    colorLinkHover: '#b3cdff',
    colorLinkActive: '#b3cdff',
    colorError: '#ff7b72',
    colorSuccess: '#5fd38d',
    colorWarning: '#f0b45b',
    colorTextSecondary: '#b4bdcb',
    colorTextTertiary: '#a4aebd',
    colorTextDescription: '#a9b3c2',
    colorTextPlaceholder: '#98a2b3',
    colorBgContainer: '#151b24',
    colorBgElevated: '#1c2431',
    colorBgLayout: '#0b0f15',
    colorBorder: '#3a4657',
    colorBorderSecondary: '#2a3340',
  },
  components: {
    Table: { headerBg: '#1a212c', rowHoverBg: '#1a212c' },
    // The primary colour is made for white text on it: as text on a dark ground it would be too dim.
    Tabs: { itemSelectedColor: '#8ab4ff', itemHoverColor: '#b3cdff', itemActiveColor: '#b3cdff', inkBarColor: '#8ab4ff' },
    Radio: { colorPrimary: '#8ab4ff', colorPrimaryHover: '#b3cdff', colorPrimaryActive: '#b3cdff' },
  },
};

/** Ant Design's settings of an appearance. */
export function look(isDark: boolean): ThemeConfig {
  return isDark ? DARK : LIGHT;
}
