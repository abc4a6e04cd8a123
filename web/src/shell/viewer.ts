import { createContext, useContext } from 'react';
import { may, type Scope, type Session } from '../api/types';

export const ViewerContext = createContext<Session | null>(null);

/** Who is signed in. */
export function useViewer(): Session {
  const value = useContext(ViewerContext);
  if (!value) throw new Error('nobody is signed in here');
  return value;
}

/** Whether the one who is signed in has a right. */
export function useMay(right: Scope): boolean {
  return may(useViewer().user.role, right);
}
