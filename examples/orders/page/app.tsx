import { useState } from 'react'
import type { Person } from '../people.ts'
import { Customer } from './customer.tsx'
import { Entrance } from './entrance.tsx'
import { Header } from './header.tsx'
import { savedPerson, savePerson } from './person.ts'
import { client, RookeryProvider } from './realtime.ts'
import { Staff } from './staff.tsx'

export const App = () => {
  const [person, setPerson] = useState(savedPerson)

  const choose = (next: Person | undefined) => {
    // Another person needs a connection with another token.
    client.close()
    savePerson(next)
    if (next) client.connect()
    setPerson(next)
  }
  if (!person) return <Entrance onChoose={choose} />
  return (
    <RookeryProvider client={client}>
      <div className="desk">
        <Header person={person} onLeave={() => choose(undefined)} />
        {person.role === 'staff' ? <Staff person={person} /> : <Customer person={person} />}
      </div>
    </RookeryProvider>
  )
}
