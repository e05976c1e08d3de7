/** acme-client (RFC 8555: signatures, nonces, external accounts) on a line of ours. */
import type { Authorization, ClientOptions, Order } from 'acme-client'
import { messageOf, UserError } from '../../server/errors.ts'
import type { Answer } from './failures.ts'
import type { Line } from './line.ts'

export interface CaClient {
  /** Of the account; throws `Refusal` `accountDoesNotExist`. */
  find(): Promise<string>
  register(email: string | null): Promise<string>
  contact(email: string): Promise<void>
  order(names: readonly string[]): Promise<Order>
  look(order: Order): Promise<Order>
  authorizations(order: Pick<Order, 'authorizations'>): Promise<Authorization[]>
  /** What proves it: for the web, or for a DNS record. */
  proof(challenge: Challenge): Promise<string>
  /** The CA may look now. */
  ready(challenge: Challenge): Promise<void>
  /** Asks for the signature, for this key. */
  finalize(order: Order, names: readonly string[], key: string): Promise<Order>
  /** The chain, a PEM each. */
  download(order: Order): Promise<string[]>
  /** Asked with the key of this client, which is the certificate's own one. */
  revoke(chain: string): Promise<void>
}

export type Challenge = Authorization['challenges'][number]

/** What acme-client does not show: its version is pinned, and the tests would tell. */
interface Inside {
  readonly http: {
    request(url: string, method: string, options?: { readonly data?: unknown }): Promise<Answer>
    getResourceUrl(name: string): Promise<string>
    signedRequest(url: string, payload: object): Promise<Answer>
  }
}

export async function createClient(line: Line, options: ClientOptions): Promise<CaClient> {
  // Large; a kernel that issues nothing goes without it.
  const { Client, crypto } = await import('acme-client')
  const client = new Client(options)
  const { http } = client as unknown as Inside
  http.request = (url, method, { data } = {}) => line.send(method.toUpperCase(), url, data)
  /** An answer that makes no sense is the CA's fault, and no bug of ours. */
  const spoken = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer
    } catch (error) {
      line.signal.throwIfAborted()
      if (error instanceof UserError) throw error
      throw new UserError('unavailable', `The CA does not speak ACME as it should: ${messageOf(error)}.`)
    }
  }
  return {
    async find() {
      await spoken(client.createAccount({ onlyReturnExisting: true }))
      return client.getAccountUrl()
    },
    async register(email) {
      await spoken(client.createAccount({ termsOfServiceAgreed: true, ...(email === null ? {} : contactOf(email)) }))
      return client.getAccountUrl()
    },
    contact: async (email) => void (await spoken(client.updateAccount(contactOf(email)))),
    order: (names) => spoken(client.createOrder({ identifiers: names.map((value) => ({ type: 'dns', value })) })),
    look: (order) => spoken(client.getOrder(order)),
    authorizations: (order) => spoken(client.getAuthorizations(order as Order)),
    proof: (challenge) => client.getChallengeKeyAuthorization(challenge),
    ready: async (challenge) => void (await spoken(client.completeChallenge(challenge))),
    async finalize(order, names, key) {
      const [, request] = await crypto.createCsr({ altNames: [...names] }, key)
      return spoken(client.finalizeOrder(order, request))
    },
    download: (order) => spoken(client.getCertificate(order).then(crypto.splitPemChain)),
    async revoke(chain) {
      const certificate = crypto.getPemBodyAsB64u(chain)
      const url = await spoken(http.getResourceUrl('revokeCert'))
      await spoken(http.signedRequest(url, { certificate }))
    },
  }
}

function contactOf(email: string): { contact: string[] } {
  return { contact: [`mailto:${email}`] }
}
