import { DeleteOutlined } from '@ant-design/icons';
import { Button, Input, Modal } from 'antd';
import { useId, useState } from 'react';
import { useWords } from '../i18n';
import { Commands } from './Commands';
import { Trouble } from './ProblemBox';

interface Props {
  name: string;
  /** The call that does the same. */
  api: string;
  remove: () => Promise<void>;
  size?: 'small' | 'middle';
}

/** Removes something, after its name was typed. */
export function RemoveButton({ name, api, remove, size }: Props) {
  const words = useWords();
  const field = useId();
  const [isOpen, setIsOpen] = useState(false);
  const [typed, setTyped] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const close = () => {
    setIsOpen(false);
    setTyped('');
    setError(null);
  };
  const go = async () => {
    setIsBusy(true);
    setError(null);
    try {
      await remove();
      close();
    } catch (failure) {
      setError(failure);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <>
      <Button danger size={size} icon={<DeleteOutlined />} aria-label={`${words.common.remove}: ${name}`} onClick={() => setIsOpen(true)}>
        {size === 'small' ? null : words.common.remove}
      </Button>
      <Modal
        open={isOpen}
        title={words.confirm.title(name)}
        onCancel={close}
        onOk={() => void go()}
        okText={words.common.remove}
        cancelText={words.common.cancel}
        okButtonProps={{ danger: true, disabled: typed !== name, loading: isBusy }}
        destroyOnHidden
      >
        <Trouble error={error} />
        <p>
          <label htmlFor={field}>{words.confirm.type(name)}</label>
        </p>
        <Input
          id={field}
          value={typed}
          autoComplete="off"
          onChange={(event) => setTyped(event.target.value)}
          onPressEnter={() => {
            if (typed === name) void go();
          }}
        />
        <Commands api={api} />
      </Modal>
    </>
  );
}
