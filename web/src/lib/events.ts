/** What a run tells while it lives (docs/json-output.md, Events). */
export interface Told {
  seq: number;
  kind: string;
  body: Record<string, unknown>;
}

/** How far a run is. */
export interface Progress {
  phase: string;
  items: number;
  bytes: number;
  expectedBytes: number | null;
  itemsLost: number;
}

const number = (value: unknown) => (typeof value === 'number' ? value : 0);

/** How far a run is, from everything it told. */
export function progressOf(told: Told[]): Progress | null {
  let found: Progress | null = null;
  for (const { kind, body } of told) {
    const before: Progress = found ?? { phase: '', items: 0, bytes: 0, expectedBytes: null, itemsLost: 0 };
    if (kind === 'phase') found = { ...before, phase: String(body.phase ?? '') };
    if (kind === 'progress') {
      found = {
        ...before,
        items: number(body.items),
        bytes: number(body.bytes),
        expectedBytes: typeof body.expected_bytes === 'number' ? body.expected_bytes : null,
        itemsLost: number(body.items_lost),
      };
    }
  }
  return found;
}

/** One event of a stream; what cannot be read is shown as it came. */
export function told(kind: string, id: string, data: string): Told {
  let body: Record<string, unknown> = {};
  try {
    const read: unknown = JSON.parse(data);
    if (typeof read === 'object' && read !== null) body = read as Record<string, unknown>;
  } catch {
    body = { message: data };
  }
  return { seq: Number(id) || 0, kind, body };
}
