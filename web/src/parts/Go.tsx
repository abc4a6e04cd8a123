import { Button } from 'antd';
import type { ReactNode } from 'react';
import { useHref, useLinkClickHandler } from 'react-router';

/** A link that looks like a button. */
export function Go({ to, primary, icon, children }: { to: string; primary?: boolean; icon?: ReactNode; children: ReactNode }) {
  const href = useHref(to);
  const click = useLinkClickHandler(to);
  return (
    <Button type={primary ? 'primary' : 'default'} icon={icon} href={href} onClick={(event) => click(event as never)}>
      {children}
    </Button>
  );
}
