/** For drivers under test: JSON-RPC over standard input and output, in as few lines as it takes. */
export function serve(calls) {
  let input = Buffer.alloc(0)
  let last = 0
  const waiting = new Map()
  const send = (message) => {
    const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }))
    process.stdout.write(`Content-Length: ${body.length}\r\n\r\n`)
    process.stdout.write(body)
  }
  const kernel = (method, ...params) =>
    new Promise((resolve, reject) => {
      last += 1
      waiting.set(last, { resolve, reject })
      send({ id: last, method, params })
    })
  const progress = ({ progress }, text) => send({ method: 'progress', params: [progress, text] })

  async function take({ id, method, params = [], result, error }) {
    if (method === undefined) {
      const { resolve, reject } = waiting.get(id)
      waiting.delete(id)
      return error ? reject(Object.assign(new Error(error.message), error)) : resolve(result)
    }
    if (id === undefined) return calls[method]?.(...(Array.isArray(params) ? params : [params]))
    if (!calls[method]) return send({ id, error: { code: -32601, message: `no call ${method}` } })
    try {
      send({ id, result: (await calls[method](...params)) ?? null })
    } catch (thrown) {
      send({ id, error: { code: -32000, message: thrown.message, data: thrown.data } })
    }
  }

  process.stdin.on('data', (chunk) => {
    input = Buffer.concat([input, chunk])
    for (;;) {
      const end = input.indexOf('\r\n\r\n')
      if (end < 0) return
      const length = Number(/Content-Length: (\d+)/i.exec(input.toString('latin1', 0, end))[1])
      if (input.length < end + 4 + length) return
      const body = input.toString('utf8', end + 4, end + 4 + length)
      input = input.subarray(end + 4 + length)
      take(JSON.parse(body))
    }
  })
  process.stdin.on('end', () => process.exit(0))
  return { kernel, progress, send }
}
