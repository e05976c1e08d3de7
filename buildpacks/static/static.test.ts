import { expect, test } from 'vitest'
import { planOf } from '../../server/build/plan-for-test.ts'

test('an index.html at the top is served with everything beside it', async () => {
  const plan = await planOf({ 'index.html': '' })
  expect(plan.dockerfile).toBe(`FROM megapolos/static-run:bookworm-x
WORKDIR /app
ENV HOME=/app
COPY --chown=1000:1000 ["./","/app/public/"]
USER 1000
CMD ["serve-static"]
`)
  expect(plan).toMatchObject({ buildpack: 'static', processes: { web: 'exec serve-static' }, hardened: true })
})

test('public/ is the root when only it has an index', async () => {
  const plan = await planOf({ 'public/index.html': '', 'README.md': '' })
  expect(plan.dockerfile).toContain('["public/","/app/public/"]')
})

test('a Staticfile names the root', async () => {
  const plan = await planOf({ Staticfile: 'root: my site\n', 'my site/index.html': '', 'index.html': '' })
  expect(plan.dockerfile).toContain('["my site/","/app/public/"]')
})

test('a root that is not there is refused naming it', async () => {
  await expect(planOf({ Staticfile: 'root: dist' })).rejects.toThrow('the folder dist, which is not in the pushed tree')
})
