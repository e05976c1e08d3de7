import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{server,views,buildpacks,drivers,hooks,test,bench}/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    // Two cores, and many tests talk to one Docker engine: files run one after another.
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // What comes on a busy machine comes late; who waits for it longer says so.
    expect: { poll: { timeout: 10_000 } },
  },
})
