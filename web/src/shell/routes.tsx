import { createBrowserRouter, type RouteObject } from 'react-router';
import { Broken } from './Broken';
import { Waiting } from '../parts/Waiting';
import { Gate } from './Gate';

/** A page that is loaded when it is first shown. */
const page = (load: () => Promise<{ default: React.ComponentType }>): RouteObject['lazy'] => async () => ({ Component: (await load()).default });

/** Every address of the console. */
export const router = createBrowserRouter([
  { path: '/setup', lazy: page(() => import('../pages/Setup')), errorElement: <Broken />, HydrateFallback: Waiting },
  {
    path: '/',
    Component: Gate,
    HydrateFallback: Waiting,
    errorElement: <Broken />,
    children: [
      {
        errorElement: <Broken />,
        children: [
          { index: true, lazy: page(() => import('../pages/Overview')) },
          { path: 'sources', lazy: page(() => import('../pages/Sources')) },
          { path: 'sources/new', lazy: page(() => import('../pages/SourceForm')) },
          { path: 'sources/:id', lazy: page(() => import('../pages/SourcePage')) },
          { path: 'sources/:id/edit', lazy: page(() => import('../pages/SourceForm')) },
          { path: 'policies', lazy: page(() => import('../pages/Policies')) },
          { path: 'policies/new', lazy: page(() => import('../pages/PolicyForm')) },
          { path: 'policies/:id', lazy: page(() => import('../pages/PolicyPage')) },
          { path: 'policies/:id/edit', lazy: page(() => import('../pages/PolicyForm')) },
          { path: 'runs', lazy: page(() => import('../pages/Runs')) },
          { path: 'runs/:id', lazy: page(() => import('../pages/RunPage')) },
          { path: 'snapshots', lazy: page(() => import('../pages/Snapshots')) },
          { path: 'snapshots/:repository/:source/:id', lazy: page(() => import('../pages/SnapshotPage')) },
          { path: 'storage', lazy: page(() => import('../pages/Storage')) },
          { path: 'storage/new', lazy: page(() => import('../pages/RepositoryForm')) },
          { path: 'storage/:id', lazy: page(() => import('../pages/RepositoryPage')) },
          { path: 'storage/:id/edit', lazy: page(() => import('../pages/RepositoryForm')) },
          { path: 'audit', lazy: page(() => import('../pages/Audit')) },
          { path: 'settings', lazy: page(() => import('../pages/Settings')) },
          { path: '*', lazy: page(() => import('../pages/Lost')) },
        ],
      },
    ],
  },
]);
