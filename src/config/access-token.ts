import { z } from 'zod';

/** `viewer` watches, `operator` also prompts and edits tracks, `publisher` sends video. */
export const accessRoles = ['viewer', 'operator', 'publisher'] as const;

export type AccessRole = (typeof accessRoles)[number];

/** A bearer token and what its holder may do. */
export interface AccessToken {
  readonly role: AccessRole;
  readonly token: string;
}

export const minTokenLength = 16;

export const accessTokenForm = `\`role:token\`, where role is ${accessRoles.map((role) => `\`${role}\``).join(', ')} and the token has at least ${minTokenLength} characters out of A-Z a-z 0-9 - . _ ~ + / =`;

// The characters of a bearer token: RFC 6750 section 2.1.
const pattern = new RegExp(`^(${accessRoles.join('|')}):([A-Za-z0-9._~+/-]+=*)$`);

/** Reads `role:token`; null when the text has another form. */
export function parseAccessToken(text: string): AccessToken | null {
  const [, role, token] = pattern.exec(text) ?? [];
  const known = accessRoles.find((candidate) => candidate === role);
  if (known === undefined || token === undefined || token.length < minTokenLength) return null;
  return { role: known, token };
}

export const accessTokenSchema: z.ZodType<AccessToken> = z.string().transform((text, context) => {
  const parsed = parseAccessToken(text);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: '' });
  return z.NEVER;
});
