/** Stands where a secret was. */
export const mask = '********';

const secretParameter = /pass|secret|token|key$/i;

/** The URL without its secrets; null when the text is no URL, so that nobody can tell where a password would be. */
export function maskPassword(text: string): string | null {
  if (text === '') return '';
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  // Without `//` everything after the scheme is opaque.
  if (url.host === '') return null;
  if (url.password !== '') url.password = mask;
  for (const name of url.searchParams.keys()) {
    if (secretParameter.test(name)) url.searchParams.set(name, mask);
  }
  return url.href;
}
