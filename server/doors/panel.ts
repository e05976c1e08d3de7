/**
 * The panel's door: pages for a browser on this machine or at the end of a tunnel. It only translates; what a page
 * shows is what commands answered. Everything behind it is loaded with the first request.
 */
import { createHmac } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { Hono } from 'hono'
import type { PanelPorts } from './panel-ports.ts'

export interface Panel {
  fetch(request: Request): Promise<Response>
}

export function createPanel(ports: PanelPorts): Panel {
  const secret = createHmac('sha256', ports.secret).update('panel cookie').digest('base64url')
  let app: Promise<Hono> | undefined
  return {
    async fetch(request) {
      app ??= import('./panel-app.ts').then(({ createApp }) => createApp({ ...ports, secret }))
      return (await app).fetch(request)
    },
  }
}

/** Listens on loopback only. */
export async function servePanel(panel: Panel, port: number): Promise<{ port: number; close(): void }> {
  let listener: Promise<RequestListener> | undefined
  const server = createServer((request, response) => {
    listener ??= import('@hono/node-server').then(({ getRequestListener }) => getRequestListener(panel.fetch) as never)
    listener.then((answer) => answer(request, response)).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : port,
    close() {
      server.close()
      // Streams of open pages never end by themselves.
      server.closeAllConnections()
    },
  }
}
