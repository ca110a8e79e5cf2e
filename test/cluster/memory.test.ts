import { createApp } from 'rookery'
import { MemoryCluster } from 'rookery/testing'
import { expect, it, onTestFinished, vi } from 'vitest'

it('passes an event to one node of each group, and to every listener that listens to all nodes', async () => {
  const cluster = new MemoryCluster()
  const heard: string[] = []
  const start = async (name: string) => {
    const app = createApp({ logger: 'silent', plugins: [cluster.plugin()] })
    app.bus.subscribe('jobs/*', () => heard.push(`${name} job`), { source: 'cluster' })
    app.bus.subscribe('jobs/*', () => heard.push(`${name} all`), { source: 'all' })
    app.bus.subscribe('jobs/*', () => heard.push(`${name} node`))
    await app.start()
    onTestFinished(() => app.stop())
    return app
  }
  const a = await start('a')
  const b = await start('b')
  expect(a.cluster.nodes()).toEqual(b.cluster.nodes())
  a.bus.publish('jobs/1', { n: 1 })
  await vi.waitFor(() => expect(heard).toHaveLength(4))
  expect(heard.filter((line) => line.endsWith('job'))).toHaveLength(1)
  expect(heard).toEqual(expect.arrayContaining(['a all', 'b all', 'a node']))
})

it('tells connection hooks when a node is cut off and when it is connected again, until they are removed', async () => {
  const cluster = new MemoryCluster()
  const app = createApp({ logger: 'silent', plugins: [cluster.plugin()] })
  await app.start()
  onTestFinished(() => app.stop())
  const hook = vi.fn()
  app.cluster.onConnection(() => {
    throw new Error('a hook that fails')
  })
  const remove = app.cluster.onConnection(hook)
  cluster.cut(app.cluster.node)
  cluster.heal(app.cluster.node)
  expect(hook.mock.calls).toEqual([[false], [true]])
  remove()
  cluster.cut(app.cluster.node)
  expect(hook).toHaveBeenCalledTimes(2)
})
