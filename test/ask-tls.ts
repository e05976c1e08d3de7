/** Asks the proxy over TLS, as a browser that was led here by DNS. */
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import type { PeerCertificate, TLSSocket } from 'node:tls'

export interface TlsAnswer {
  readonly status: number
  readonly body: string
  /** What it was served with. */
  readonly certificate: PeerCertificate
}

/** Rejects with what OpenSSL says when the certificate is not good for this host. */
export function askTls(host: string, port: number, ca: string | string[], path = '/'): Promise<TlsAnswer> {
  const answer = Promise.withResolvers<TlsAnswer>()
  const headers = { host: `${host}:${port}` }
  const asked = request({ host: '127.0.0.1', port, servername: host, path, headers, ca, agent: false })
  asked.on('response', async (response) => {
    const certificate = (response.socket as TLSSocket).getPeerCertificate()
    const body = await text(response)
    answer.resolve({ status: response.statusCode ?? 0, body, certificate })
  })
  asked.on('error', answer.reject).end()
  return answer.promise
}
