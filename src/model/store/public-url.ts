/** A URL without its user, password and parameters, for people, messages and notes. */
export function publicUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
