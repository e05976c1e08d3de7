import { text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { UserError } from '../../server/errors.ts'
import { dumpStream } from './dump-stream.ts'

const never = new AbortController().signal

test('the bytes come through, and then what the source found', async () => {
  const { bytes, whole } = dumpStream(source(), never, () => {})
  expect(await text(bytes)).toBe('onetwo')
  expect(await whole).toBe(6)

  async function* source() {
    yield Buffer.from('one')
    yield Buffer.from('two')
    return 6
  }
})

test('a source that fails at its end fails the bytes too, and nobody is needed to hear it', async () => {
  const { bytes, whole } = dumpStream(source(), never, () => {})
  await expect(text(bytes)).rejects.toThrow('its last line is missing')
  await expect(whole).rejects.toMatchObject({ code: 'refused' })

  async function* source(): AsyncGenerator<Buffer, void> {
    yield Buffer.from('one')
    throw new UserError('refused', 'its last line is missing')
  }
})

test('a reader that goes away stops what feeds it, even while it waits for more', async () => {
  const stopped = Promise.withResolvers<void>()
  const stop = vi.fn(stopped.resolve)
  const { bytes, whole } = dumpStream(source(), never, stop)
  for await (const _ of bytes) break
  await expect(whole).rejects.toMatchObject({ code: 'cancelled' })
  expect(stop).toHaveBeenCalled()

  async function* source(): AsyncGenerator<Buffer, void> {
    yield Buffer.from('one')
    await stopped.promise
  }
})

test('whatever breaks after it was cancelled is told as cancelled', async () => {
  const cancel = new AbortController()
  const { bytes, whole } = dumpStream(source(), cancel.signal, () => {})
  await expect(text(bytes)).rejects.toMatchObject({ code: 'cancelled' })
  await expect(whole).rejects.toMatchObject({ code: 'cancelled' })

  async function* source(): AsyncGenerator<Buffer, void> {
    yield Buffer.from('one')
    cancel.abort()
    throw new Error('the pipe is broken')
  }
})
