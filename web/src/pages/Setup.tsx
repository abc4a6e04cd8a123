import { useMutation } from '@tanstack/react-query';
import { Button, Form, Input } from 'antd';
import { useEffect, useState } from 'react';
import { Link, useNavigate } from 'react-router';
import { api, take } from '../api/client';
import { useHealth } from '../api/queries';
import { useWords } from '../i18n';
import { Trouble } from '../parts/ProblemBox';
import { useSignIn } from './SignIn';
import { Welcome } from './Welcome';

interface Filled {
  name: string;
  password: string;
  again: string;
}

/** Least length of a password in bytes; the server decides. */
const LEAST = 12;

/** The one-time link: makes the owner and signs in. */
export default function Setup() {
  const words = useWords();
  const go = useNavigate();
  const health = useHealth();
  const sign = useSignIn();
  // The secret leaves the address bar and the history at once.
  const [token] = useState(() => new URLSearchParams(window.location.search).get('token') ?? '');
  useEffect(() => {
    window.history.replaceState(window.history.state, '', '/setup');
    document.title = `${words.sign.setupTitle} · ${words.app.name}`;
  }, [words]);
  const setup = useMutation({
    mutationFn: async ({ name, password }: Filled) => {
      await take(api.POST('/api/v1/setup', { body: { token, name, password } }));
      await sign.mutateAsync({ name, password });
    },
    onSuccess: () => go('/', { replace: true }),
  });
  if (health.data?.is_set_up && !setup.isPending) {
    return (
      <Welcome>
        <h1>{words.sign.done}</h1>
        <p>{words.sign.doneText}</p>
        <p>
          <Link to="/">{words.sign.submit}</Link>
        </p>
      </Welcome>
    );
  }
  return (
    <Welcome>
      <h1>{words.sign.setupTitle}</h1>
      <p>{token ? words.sign.setupText : words.sign.setupNoToken}</p>
      <Trouble error={setup.error} />
      {token && (
        <Form<Filled> layout="vertical" requiredMark={false} size="large" onFinish={(filled) => setup.mutate(filled)}>
          <Form.Item name="name" label={words.sign.name} rules={[{ required: true, message: words.common.required }]}>
            <Input autoComplete="username" autoFocus />
          </Form.Item>
          <Form.Item
            name="password"
            label={words.sign.password}
            extra={words.sign.passwordHelp}
            rules={[
              { required: true, message: words.common.required },
              {
                validator: (_, value: string) =>
                  !value || new TextEncoder().encode(value).length >= LEAST ? Promise.resolve() : Promise.reject(new Error(words.sign.passwordHelp)),
              },
            ]}
          >
            <Input.Password autoComplete="new-password" />
          </Form.Item>
          <Form.Item
            name="again"
            label={words.sign.again}
            dependencies={['password']}
            rules={[
              { required: true, message: words.common.required },
              ({ getFieldValue }) => ({
                validator: (_, value) =>
                  !value || value === getFieldValue('password') ? Promise.resolve() : Promise.reject(new Error(words.sign.differ)),
              }),
            ]}
          >
            <Input.Password autoComplete="new-password" />
          </Form.Item>
          <Button type="primary" htmlType="submit" block loading={setup.isPending}>
            {words.sign.setupSubmit}
          </Button>
        </Form>
      )}
    </Welcome>
  );
}
