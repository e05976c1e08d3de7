/** A driver with some privileges, which tries to make more of them. */
import { serve } from './line.mjs'

const image = (change) => ['containers.image', { hub: null, debian: { packages: ['cowsay'], lines: [], ...change } }]
const lines = (...lines) => image({ lines })
const hub = (hub) => ['containers.image', { hub, debian: { packages: [], lines: [] } }]
const own = {
  ...{
    name: 'mine',
    image: 'sha256:mine',
    command: null,
    env: {},
    memory: 64,
    volumes: { '/data': 'data' },
    ports: {},
  },
  stopTimeout: 1,
}
const ensure = (change) => ['containers.ensure', { ...own, ...change }]

const calls = [
  ensure({}),
  lines('RUN --network=host curl http://127.0.0.1:9141'),
  lines('RUN --mount=type=bind,from=megapolos/app-0a0a0a0a,target=/x cat /x/secret'),
  lines('FROM megapolos/app-0a0a0a0a'),
  lines('COPY --from=megapolos/app-0a0a0a0a / /'),
  lines('ADD http://169.254.169.254/ /'),
  lines('RUN true\nFROM scratch'),
  lines('RUN <<EOF'),
  image({ packages: ['-o APT::x=y'] }),
  hub('localhost:5000/evil:1'),
  hub('megapolos/app-0a0a0a0a:latest'),
  hub('evil.example/x:1'),
  lines('RUN echo hello', 'ENV A=b', 'USER nobody'),
  ensure({ image: 'sha256:other' }),
  ensure({ volumes: { '/data': '../../keys' } }),
  ensure({ volumes: { '/data': '/etc' } }),
  ensure({ capabilities: ['SYS_ADMIN'] }),
  ensure({ privileged: true }),
  ensure({ ports: { 5432: 'main' } }),
  ensure({ name: '../other' }),
  ensure({}),
  ['secrets.set', 'password', 'x'],
  ['secrets.get', 'password'],
  ['secrets.set', 'huge', 'x'.repeat(200_000)],
  ['node.exec', { command: ['id'] }],
]

const { kernel } = serve({
  async list() {
    const said = []
    for (const [method, ...params] of calls) {
      said.push(
        await kernel(method, ...params).then(
          (result) => `got ${JSON.stringify(result)}`,
          (error) => `${error.data?.code}: ${error.message}`,
        ),
      )
    }
    return said
  },
})
