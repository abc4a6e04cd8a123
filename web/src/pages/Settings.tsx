import { Tabs } from 'antd';
import { useWords } from '../i18n';
import { useAddress } from '../parts/List';
import { Head } from '../parts/Page';
import { useMay } from '../shell/viewer';
import { LookSettings } from './settings/Look';
import { TokenSettings } from './settings/Tokens';
import { UserSettings } from './settings/Users';

/** Users, tokens, and how the console looks. */
export default function Settings() {
  const words = useWords();
  const mayManage = useMay('user.manage');
  const [address, change] = useAddress();
  const tabs = [
    ...(mayManage ? [{ key: 'users', label: words.settings.tabs.users, children: <UserSettings /> }] : []),
    { key: 'tokens', label: words.settings.tabs.tokens, children: <TokenSettings /> },
    { key: 'look', label: words.settings.tabs.look, children: <LookSettings /> },
  ];
  const chosen = tabs.find((tab) => tab.key === address.get('tab'))?.key ?? tabs[0]?.key;
  return (
    <>
      <Head title={words.settings.title} lead={words.settings.lead} />
      <Tabs activeKey={chosen} onChange={(key) => change({ tab: key })} items={tabs} destroyOnHidden />
    </>
  );
}
