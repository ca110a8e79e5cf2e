import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

/** Addresses that exist only between the two networks. */
const SERVER = '10.99.0.1'
const ATTACKERS = 250
/** Bytes of the kernel's buffers for a connection in each direction: minimum, default, maximum. */
const BUFFERS = '4096 16384 65536'

/**
 * The networks of server, honest clients and attackers. Attackers get a separate network if possible. Otherwise their
 * unread bytes fill the memory that all TCP connections of a machine share, and honest clients lose packets.
 *
 * @typedef {object} Network
 * @property {string} server address of the server
 * @property {readonly string[]} attackers addresses of the attackers
 * @property {number | undefined} serverNet a process in the network of the server and the honest clients
 * @property {number | undefined} attackerNet a process in the network of the attackers
 */

/** @param {number} process @param {string[]} command */
const inside = (process, ...command) =>
  execFileSync('nsenter', ['-t', String(process), '-n', ...command], { stdio: 'pipe' })

/** Starts a process in a new network namespace, which exists until the process ends, at the latest with this process. */
const hold = async () => {
  const child = spawn('unshare', ['-n', 'sh', '-c', 'echo in; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  child.unref()
  // Pipes are sockets, and these stay open as long as the network is used.
  const pipes = /** @type {unknown[]} */ ([child.stdin, child.stdout])
  for (const pipe of /** @type {import('node:net').Socket[]} */ (pipes)) pipe.unref()
  return /** @type {number} */ (child.pid)
}

const canSeparate = () =>
  ['unshare', 'nsenter', 'ip', 'sysctl'].every((command) => spawnSync(command, ['-V']).status === 0) &&
  spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'servers', 'type', 'veth', 'peer', 'name', 'attackers'])
    .status === 0

/** @returns {Promise<Network>} */
export const openNetwork = async () => {
  if (!canSeparate()) {
    console.error(
      'Network namespaces need root and iproute2. Without them, latencies under attack are higher.',
    )
    const attackers = Array.from({ length: ATTACKERS }, (_, index) => `127.0.1.${index + 1}`)
    return { server: '127.0.0.1', attackers, serverNet: undefined, attackerNet: undefined }
  }
  const [serverNet, attackerNet] = await Promise.all([hold(), hold()])
  inside(serverNet, 'ip', 'link', 'add', 'servers', 'type', 'veth', 'peer', 'name', 'attackers')
  inside(serverNet, 'ip', 'link', 'set', 'attackers', 'netns', String(attackerNet))
  inside(serverNet, 'ip', 'address', 'add', `${SERVER}/16`, 'dev', 'servers')
  const attackers = Array.from({ length: ATTACKERS }, (_, index) => `10.99.1.${index + 1}`)
  for (const address of attackers)
    inside(attackerNet, 'ip', 'address', 'add', `${address}/16`, 'dev', 'attackers')
  for (const [process, device] of /** @type {const} */ ([
    [serverNet, 'servers'],
    [attackerNet, 'attackers'],
  ])) {
    inside(process, 'ip', 'link', 'set', device, 'up')
    inside(process, 'ip', 'link', 'set', 'lo', 'up')
  }
  // Limits the socket buffers. With the kernel's default of several MB per connection, an attack fills gigabytes. A
  // virtual machine gets these from its host page by page, and no process runs on that core meanwhile.
  for (const process of [serverNet, attackerNet]) {
    inside(process, 'sysctl', '-w', `net.ipv4.tcp_wmem=${BUFFERS}`, `net.ipv4.tcp_rmem=${BUFFERS}`)
  }
  return { server: SERVER, attackers, serverNet, attackerNet }
}
