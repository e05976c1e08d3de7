import { expect, test } from 'vitest'
import { createDeviceImages } from './device-images.ts'

test('a version that only Docker Hub has is refused where that is not reached, naming the one that Debian has', async () => {
  const builder = () => {
    throw new Error('nothing is built')
  }
  const image = createDeviceImages({ system: 'test', builder, engine: { image: async () => null } }, 'local')
  const debian = { packages: ['postgresql-17'], lines: [] }
  await expect(image({ hub: 'postgres:17', debian, debianVersion: '15' }, () => {})).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('postgres:17 is only on Docker Hub'),
    hint: 'Take that one: --version 15',
  })
})
