/** Records by whatever somebody has written for their DNS: it is told what to do in one request. */
import { messageOf, UserError } from '../../server/errors.ts'
import type { Webhook } from './settings.ts'
import type { Host, Writer } from './writer.ts'

/** Milliseconds: it answers when the record can be seen, which takes some providers minutes. */
const patience = 150_000

export function tellWebhook({ secrets }: Host, { url }: Webhook): Writer {
  const { host } = new URL(url)
  const key = async () => {
    const secret = await secrets.get('webhook')
    if (secret !== null) return secret
    throw new UserError('usage', 'The secret of the webhook is missing.', 'Give webhook=SECRET on standard input')
  }
  return {
    check: async () => void (await key()),
    async write(action, { name, value }, signal) {
      const late = AbortSignal.timeout(patience)
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${await key()}`, 'content-type': 'application/json' },
        body: JSON.stringify({ action: action === 'add' ? 'present' : 'cleanup', name, value }),
        // Whoever it leads to is not to be told the secret.
        redirect: 'manual',
        signal: AbortSignal.any([signal, late]),
      }).catch((error) => {
        signal.throwIfAborted()
        const why = late.aborted ? `nothing in ${patience / 1000} s` : messageOf(error.cause ?? error)
        throw new UserError('unavailable', `The webhook at ${host} does not answer: ${why}.`)
      })
      const said = (await answer.text().catch(() => '')).trim().split('\n')[0]?.slice(0, 200)
      if (answer.ok) return
      throw new UserError(
        'refused',
        `The webhook at ${host} answers ${answer.status} for ${name}: ${said || 'no reason'}`,
      )
    },
  }
}
