import { createApp } from 'rookery'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { readPages } from '../support/docs.ts'

const page = readPages().find(({ path }) => path === 'docs/deployment.md')

const file = (name: string): string => {
  const block = page?.blocks.find((found) => found.name === name)
  if (!block) throw new Error(`docs/deployment.md has no block ${name}`)
  return block.code
}

/** The documents of a YAML file. Fails if the file has an error or a warning, such as a key that comes twice. */
const yaml = (text: string): unknown[] =>
  parseAllDocuments(text).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([])
    return document.toJS()
  })

/** The directives of a systemd unit, by section. */
const unit = (text: string): Record<string, Record<string, string>> => {
  const sections: Record<string, Record<string, string>> = {}
  let current: Record<string, string> | undefined
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const section = /^\[(\w+)\]$/.exec(line)?.[1]
    const [, name, value] = /^(\w+)=(.+)$/.exec(line) ?? []
    if (section !== undefined) {
      current = {}
      sections[section] = current
    } else if (current && name !== undefined && value !== undefined) current[name] = value
    else throw new Error(`not a line of a unit: ${line}`)
  }
  return sections
}

const SECONDS = { drainDelay: 5, stopTimeout: 10, transportsAndRequests: 12 }
const longestStop = Object.values(SECONDS).reduce((sum, value) => sum + value)

describe('the page about deployment', () => {
  it('has a program whose stop takes less than the time that every file gives it', () => {
    const { drainDelay, stopTimeout } = SECONDS
    expect(file('server.ts')).toContain(`drainDelay: '${drainDelay}s'`)
    expect(file('server.ts')).toContain(`stopTimeout: '${stopTimeout}s'`)
    expect(() => createApp({ drainDelay: '5s', stopTimeout: '10s', reconnectSpread: '20s' })).not.toThrow()
    const [compose] = yaml(file('compose.yaml')) as [{ services: { app1: { stop_grace_period: string } } }]
    const [deployment] = yaml(file('rookery.yaml')) as [
      { spec: { template: { spec: { terminationGracePeriodSeconds: number } } } },
    ]
    const given = [
      Number(unit(file('rookery@.service')).Service?.TimeoutStopSec),
      Number.parseInt(compose.services.app1.stop_grace_period, 10),
      deployment.spec.template.spec.terminationGracePeriodSeconds,
    ]
    for (const seconds of given) expect(seconds).toBeGreaterThan(longestStop)
  })

  it('has a unit of systemd with the sections and paths that it needs', () => {
    const { Unit, Service, Install } = unit(file('rookery@.service'))
    expect(Unit?.Description).toBeDefined()
    expect(Service?.ExecStart).toMatch(/^\/\S+ \S+/)
    expect(Number(Service?.LimitNOFILE)).toBeGreaterThan(60_000)
    expect(Install).toEqual({ WantedBy: 'multi-user.target' })
  })

  it('has a Dockerfile of known instructions, whose commands are lists', () => {
    const lines = file('Dockerfile')
      .split('\n')
      .filter((line) => line !== '')
    const instructions = lines.map((line) => line.split(' ', 1)[0])
    const known = ['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'EXPOSE', 'HEALTHCHECK', 'CMD']
    expect(instructions.filter((name) => !known.includes(name as string))).toEqual([])
    expect(instructions[0]).toBe('FROM')
    const commands = lines.flatMap((line) => /^(?:HEALTHCHECK .*)?\bCMD (.*)$/.exec(line)?.[1] ?? [])
    expect(commands.map((command) => JSON.parse(command)[0])).toEqual(['node', 'node'])
    const stages = lines.flatMap((line) => / AS (\w+)$/.exec(line)?.[1] ?? [])
    const sources = lines.flatMap((line) => /--from=(\w+)/.exec(line)?.[1] ?? [])
    expect(new Set(sources)).toEqual(new Set(stages))
  })

  it('has a compose file whose services and volumes exist', () => {
    interface Service {
      readonly depends_on?: readonly string[]
      readonly volumes?: readonly string[]
    }
    const [compose] = yaml(file('compose.yaml')) as [
      { services: Record<string, Service>; volumes: Record<string, null> },
    ]
    const names = Object.keys(compose.services)
    expect(names).toEqual(['app1', 'app2', 'nats', 'caddy'])
    for (const { depends_on = [], volumes = [] } of Object.values(compose.services)) {
      expect(names).toEqual(expect.arrayContaining([...depends_on]))
      const named = volumes.map((volume) => volume.split(':')[0] as string).filter((name) => /^\w/.test(name))
      expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(named))
    }
  })

  it('has manifests of Kubernetes whose probes, ports and labels fit together', () => {
    interface Probe {
      readonly httpGet: { readonly path: string; readonly port: number }
    }
    const [deployment, service, budget] = yaml(file('rookery.yaml')) as [
      // biome-ignore lint/suspicious/noExplicitAny: a manifest without types
      any,
      { kind: string; spec: { selector: object; ports: [{ targetPort: number }] } },
      { kind: string; spec: { selector: { matchLabels: object } } },
    ]
    expect([deployment.kind, service.kind, budget.kind]).toEqual([
      'Deployment',
      'Service',
      'PodDisruptionBudget',
    ])
    const { labels } = deployment.spec.template.metadata
    for (const selector of [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
    ]) {
      expect(selector).toEqual(labels)
    }
    const [container] = deployment.spec.template.spec.containers
    const port: number = container.ports[0].containerPort
    expect(service.spec.ports[0].targetPort).toBe(port)
    const probes: Probe[] = [container.startupProbe, container.livenessProbe, container.readinessProbe]
    expect(probes.map(({ httpGet }) => httpGet)).toEqual([
      { path: '/healthz', port },
      { path: '/healthz', port },
      { path: '/readyz', port },
    ])
  })
})
