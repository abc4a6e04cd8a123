/**
 * The page's nonce, which the server makes anew with every answer. Libraries put style elements into the page while it runs, and not
 * all of them can be told the nonce: so every style element gets it where it is made.
 */
export function withNonce(): string | undefined {
  const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce || undefined;
  if (!nonce) return undefined;
  const make = document.createElement.bind(document);
  document.createElement = ((name: string, options?: ElementCreationOptions) => {
    const element = make(name, options);
    if (element instanceof HTMLStyleElement) element.nonce = nonce;
    return element;
  }) as typeof document.createElement;
  return nonce;
}
