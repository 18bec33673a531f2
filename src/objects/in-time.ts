/** Durable Objects each of whose calls has a time limit. */
import { inTime } from '../db/in-time.ts'

type Method = (...values: unknown[]) => Promise<unknown>

/** @returns what clients use of a namespace. @throws OutOfTime, by each call that takes longer */
export function objectsInTime<T extends Rpc.DurableObjectBranded>(
  native: DurableObjectNamespace<T>,
  ms: number,
): DurableObjectNamespace<T> {
  return asNamespace({
    getByName: (name: string) =>
      new Proxy(native.getByName(name), {
        get: (stub, method) => {
          const call = methodOf(stub, method)
          return async (...values: unknown[]) => inTime(ms, Reflect.apply(call, stub, values))
        },
      }),
  })
}

/** Clients do nothing with a stub but call its methods, and each of those is a call to the object. */
function methodOf(stub: object, name: string | symbol): Method {
  return Reflect.get(stub, name) as Method
}

/** Clients reach objects by their names and in no other way; another would throw. */
function asNamespace<T extends Rpc.DurableObjectBranded>(
  standIn: Pick<DurableObjectNamespace<T>, 'getByName'>,
): DurableObjectNamespace<T> {
  return standIn as DurableObjectNamespace<T>
}
