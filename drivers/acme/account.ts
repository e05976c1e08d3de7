/** The account at the CA: its key is made once and kept, so that whatever is repeated finds the same account again. */
import { generateKeyPairSync } from 'node:crypto'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { type CaClient, createClient } from './client.ts'
import { Refusal } from './failures.ts'
import type { Line } from './line.ts'
import type { Settings } from './settings.ts'

export interface Accounts {
  /** Runs `work` as the account, which is made if need be; once more when the CA has forgotten it. */
  as<T>(line: Line, work: (client: CaClient) => Promise<T>): Promise<T>
}

interface Account {
  /** PEM. */
  readonly key: string
  /** Null: not known to be registered. */
  readonly url: string | null
}

/** Name of the secret: accounts by the URL of their CA's directory. */
/** No name that anybody can type: what people keep for the device is beside it. */
const secret = '.accounts'

export function createAccounts({ secrets }: Pick<DriverHost, 'secrets'>, settings: Settings): Accounts {
  const { directory, email, externalAccount } = settings
  let last: Promise<unknown> = Promise.resolve()

  /** One after another: two must not make an account each. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work)
    last = turn
    return turn
  }
  const all = async () => JSON.parse((await secrets.get(secret)) ?? '{}') as Record<string, Account>
  const keep = async (account: Account) =>
    secrets.set(secret, JSON.stringify({ ...(await all()), [directory]: account }))

  const registered = async (line: Line): Promise<CaClient> => {
    const kept = (await all())[directory]
    const account = kept ?? { key: newKey(), url: null }
    if (kept === undefined) await keep(account)
    const options = { directoryUrl: directory, accountKey: account.key }
    if (account.url !== null) return createClient(line, { ...options, accountUrl: account.url })
    const binding = externalAccount === null ? {} : { externalAccountBinding: await bindingOf(externalAccount) }
    const client = await createClient(line, { ...options, ...binding })
    // It is there already when it was made, and whoever made it did not live to keep its URL.
    const url = await client.find().catch((error) => {
      if (isUnknown(error)) return client.register(email)
      throw error
    })
    await keep({ ...account, url })
    return client
  }
  const bindingOf = async (kid: string) => {
    const hmacKey = await secrets.get('eab')
    if (hmacKey !== null) return { kid, hmacKey }
    throw new UserError('usage', `The key of the external account ${kid} is missing.`, 'Give eab=KEY on standard input')
  }

  return {
    async as(line, work) {
      const client = await alone(() => registered(line))
      try {
        return await work(client)
      } catch (error) {
        if (!isUnknown(error)) throw error
        const again = await alone(async () => {
          const account = (await all())[directory]
          if (account !== undefined) await keep({ ...account, url: null })
          return registered(line)
        })
        return work(again)
      }
    },
  }
}

export function newKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}

function isUnknown(error: unknown): boolean {
  return error instanceof Refusal && error.type === 'accountDoesNotExist'
}
