/** How CAA records call the issuers that people use; null: not known. */
export function caaOf(server: string): string | null {
  if (['', 'letsencrypt', 'staging'].includes(server)) return 'letsencrypt.org'
  const host = URL.parse(server)?.hostname ?? ''
  const known = Object.keys(domains).find((name) => host === name || host.endsWith(`.${name}`))
  return known === undefined ? null : (domains[known] ?? null)
}

const domains: Readonly<Record<string, string>> = {
  'letsencrypt.org': 'letsencrypt.org',
  'zerossl.com': 'sectigo.com',
  'pki.goog': 'pki.goog',
  'buypass.com': 'buypass.com',
  'ssl.com': 'ssl.com',
}
