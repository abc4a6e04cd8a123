import { Button, Table } from 'antd';
import type { TableColumnsType } from 'antd';
import { useSearchParams } from 'react-router';
import { useWords } from '../i18n';

/** Parameters of a list, kept in its address; an empty value is left out. */
export function useAddress(): [URLSearchParams, (change: Record<string, string | undefined>) => void] {
  const [address, setAddress] = useSearchParams();
  const change = (wanted: Record<string, string | undefined>) =>
    setAddress((now) => {
      const next = new URLSearchParams(now);
      for (const [name, value] of Object.entries(wanted)) {
        if (value) next.set(name, value);
        else next.delete(name);
      }
      return next;
    });
  return [address, change];
}

/** A table of things. */
export function Rows<T extends object>({ rows, columns, rowKey, label, isLoading }: { rows: T[]; columns: TableColumnsType<T>; rowKey: (row: T) => string; label: string; isLoading?: boolean }) {
  return (
    <Table<T> aria-label={label} size="middle" dataSource={rows} columns={columns} rowKey={rowKey} pagination={false} loading={isLoading} />
  );
}

/** The way through a list: its first page and the next; the cursor stands in the address. */
export function Pager({ shown, next, cursor, go }: { shown: number; next?: string | null; cursor: string; go: (cursor: string | undefined) => void }) {
  const words = useWords();
  return (
    <div className="pager">
      <span className="soft small">{words.common.shown(shown)}</span>
      <Button disabled={cursor === ''} onClick={() => go(undefined)}>
        {words.common.first}
      </Button>
      <Button disabled={!next} onClick={() => go(next ?? undefined)}>
        {words.common.next}
      </Button>
    </div>
  );
}
