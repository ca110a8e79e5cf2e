/** The program of the balancer: see `BalancerProcess`. */
import { createRandom } from '../../plugins/testing/random.ts'
import { Balancer } from '../support/cluster-balancer.ts'
import { stopWithParent } from '../support/stop-with-parent.ts'
import type { BalancerOrder } from './balancer-process.ts'

const balancer = await Balancer.listen(createRandom(Number(process.env.SOAK_SEED), 'balancer'))

process.on('message', (order: BalancerOrder) => {
  switch (order.order) {
    case 'add':
      return balancer.add(order.target)
    case 'remove':
      return balancer.remove(order.target)
    case 'cut':
      return balancer.cut(order.of)
    case 'cutOff':
      return balancer.cutOff(order.client)
    case 'heal':
      return balancer.heal(order.client)
  }
})

stopWithParent(() => balancer.close())

console.log(`listening ${balancer.url} node=balancer`)
