"""What a central on Bumble's host stack can do, step by step, and how it reports what it sees, as lines of JSON."""

import asyncio
import contextlib
import json
from typing import Any

import decode
import scanner
from bumble.att import ATT_Handle_Value_Indication, ATT_Handle_Value_Notification
from bumble.core import UUID, ProtocolError
from bumble.device import Connection, Device, Peer
from bumble.gatt import Characteristic
from bumble.gatt_client import CharacteristicProxy, Client, DescriptorProxy
from bumble.hci import Address, HCI_Constant
from channels import Channel, Listener, open_channel
from pair_steps import Pairing
from report import StepError, report

STEP_TIMEOUT_SECONDS = 15.0


class Steps:
    """What the central can do. One public coroutine a step, named as the step."""

    def __init__(self, device: Device, name: str | None, address: str | None) -> None:
        self._device = device
        self._name = name
        self._address = address
        self._target: Address | None = None
        self._payload: bytes | None = None
        self.can_connect = False
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._values: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._disconnected: asyncio.Future[int] | None = None
        self._pairing = Pairing(device)
        self._listener: Listener | None = None
        self._channel: Channel | None = None

    async def scan(self, again: bool = False, name: str | None = None) -> None:
        """Finds the camera, or what advertises under `name`; `again` only changes the name of the event."""
        sighting = await scanner.find(self._device, name or self._name, None if name else self._address)
        self._target = sighting.address
        self._payload = sighting.advertising
        self.can_connect = sighting.is_connectable
        event = sighting.to_event()
        if again:
            event["event"] = "advertisingAgain"
        print(json.dumps(event, ensure_ascii=False), flush=True)

    async def listen(self, count: int) -> None:
        """Hears the payload of the camera that was found change `count` times."""
        for number in range(1, count + 1):
            sighting = await scanner.find(self._device, self._name, self._address, unlike=self._payload)
            self._payload = sighting.advertising
            print(json.dumps({**sighting.to_event(), "event": "heard", "number": number}), flush=True)

    async def expectOffAir(self, seconds: float, name: str | None = None) -> None:
        """Fails when the camera, or what has `name`, advertises within `seconds`."""
        with contextlib.suppress(asyncio.TimeoutError):
            wanted = scanner.find(self._device, name or self._name, None if name else self._address)
            await asyncio.wait_for(wanted, seconds)
            raise StepError("it advertises, although it should not")
        report("offAir", seconds=seconds)

    async def connect(self) -> None:
        if self._target is None:
            raise StepError("connect needs a scan before it")
        disconnected: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def follow(connection: Connection) -> None:
            connection.on(
                "disconnection", lambda reason: disconnected.done() or disconnected.set_result(reason)
            )

        # Before the link is there: on a busy machine its end comes in the same piece of bytes.
        self._device.once("connection", follow)
        self._connection = await self._device.connect(self._target)
        self._disconnected = disconnected
        self._peer = Peer(self._connection)
        self._values = asyncio.Queue()
        self._listen(self._peer.gatt_client)
        report(
            "connected",
            address=self._target.to_string(with_type_qualifier=False),
            mtu=self._connection.att_mtu,
        )

    async def exchangeMtu(self, mtu: int) -> None:
        report("mtu", asked=mtu, mtu=await self._connected().request_mtu(mtu))

    async def discover(self) -> None:
        """Discovers all services, characteristics and descriptors."""
        peer = self._connected()
        services = []
        for service in await peer.discover_services():
            await peer.discover_included_services(service)
            characteristics = []
            for characteristic in await service.discover_characteristics():
                descriptors = await characteristic.discover_descriptors()
                characteristics.append(
                    {
                        **_identity(characteristic.uuid),
                        "handle": characteristic.handle,
                        "properties": [
                            p.name.lower()
                            for p in Characteristic.Properties
                            if p in characteristic.properties
                        ],
                        "descriptors": [{**_identity(d.type), "handle": d.handle} for d in descriptors],
                    }
                )
            services.append(
                {
                    **_identity(service.uuid),
                    "handle": service.handle,
                    "endHandle": service.end_group_handle,
                    "included": [_identity(included.uuid) for included in service.included_services],
                    "characteristics": characteristics,
                }
            )
        if not services:
            raise StepError("the camera shows no services at all")
        report("database", services=services)

    async def readAll(self) -> None:
        """Reads every readable characteristic, and every descriptor."""
        count = 0
        for characteristic in self._characteristics():
            if Characteristic.Properties.READ in characteristic.properties:
                self._report_value(characteristic, await characteristic.read_value())
                count += 1
            for descriptor in characteristic.descriptors:
                value = await descriptor.read_value()
                report("descriptor", **_identity(descriptor.type), handle=descriptor.handle, raw=value.hex())
        if count == 0:
            raise StepError("the camera has no readable value")

    async def read(self, characteristic: str) -> None:
        found = self._characteristic(characteristic)
        self._report_value(found, await found.read_value())

    async def readDescriptor(self, characteristic: str, descriptor: str) -> None:
        found = self._descriptor(characteristic, descriptor)
        value = await found.read_value()
        report("descriptor", **_identity(found.type), handle=found.handle, raw=value.hex())

    async def writeDescriptor(self, characteristic: str, descriptor: str, value: str) -> None:
        found = self._descriptor(characteristic, descriptor)
        await found.write_value(bytes.fromhex(value), with_response=True)
        report("written", **_identity(found.type), raw=value, response=True)

    async def write(self, characteristic: str, value: str, response: bool = True) -> None:
        """Writes `value`, hexadecimal: in parts when it is long, without response when `response` is false."""
        found = self._characteristic(characteristic)
        await found.write_value(bytes.fromhex(value), with_response=response)
        report("written", **_identity(found.uuid), raw=value, response=response)

    async def subscribe(self, characteristic: str, indications: bool = False) -> None:
        """Subscribes to notifications, or to indications."""
        found = self._characteristic(characteristic)
        await found.subscribe(prefer_notify=not indications)
        report("subscribed", **_identity(found.uuid))

    async def subscribeAll(self) -> None:
        notifying = [c for c in self._characteristics() if Characteristic.Properties.NOTIFY in c.properties]
        if not notifying:
            raise StepError("the camera has nothing that notifies")
        for characteristic in notifying:
            await self.subscribe(decode.uuid_text(characteristic.uuid))

    async def notifications(self, count: int) -> None:
        """Waits for `count` notifications or indications."""
        for number in range(1, count + 1):
            report("notification", number=number, **await self._while_connected(self._values.get()))

    async def unsubscribe(self, characteristic: str) -> None:
        found = self._characteristic(characteristic)
        await found.unsubscribe(force=True)
        # What was under way before the camera's answer may have been meant for us.
        while not self._values.empty():
            self._values.get_nowait()
        report("unsubscribed", **_identity(found.uuid))

    async def expectSilence(self, seconds: float) -> None:
        """Fails when a notification that was not taken yet, or a new one within `seconds`, is there."""
        with contextlib.suppress(asyncio.TimeoutError):
            unwanted = await asyncio.wait_for(self._values.get(), seconds)
            raise StepError(f"a notification came that nobody waited for: {unwanted}")
        report("silence", seconds=seconds)

    async def startPairing(
        self,
        io: int = 3,
        mitm: bool = False,
        sc: bool = True,
        bonding: bool = True,
        passkey: int = 135790,
        outOfBand: dict[str, str] | None = None,
    ) -> None:
        """Begins to pair as one with this IO capability; `passkey` is what it shows when it has to."""
        self._pairing.start(self._link(), io, mitm, sc, bonding, passkey, outOfBand)

    async def shareOutOfBand(self) -> None:
        """Reports what goes to the camera by another way than the radio."""
        self._pairing.share()

    async def typePasskey(self, passkey: int) -> None:
        """The user types what the camera shows."""
        self._pairing.type(passkey)

    async def awaitPairing(self) -> None:
        await self._pairing.end(self._link())

    async def encrypt(self) -> None:
        """Encrypts with the key of the bond."""
        await self._link().encrypt()
        report("encrypted")

    async def forget(self) -> None:
        """Forgets all bonds."""
        await self._pairing.forget()

    def _link(self) -> Connection:
        self._connected()
        assert self._connection is not None
        return self._connection

    async def listenForChannel(self, psm: int) -> None:
        """Takes channels that the camera opens on this PSM, for `awaitChannel`."""
        self._listener = Listener(self._device, psm)

    async def awaitChannel(self) -> None:
        """Waits until the camera has opened a channel; the steps that follow are about it."""
        if self._listener is None:
            raise StepError("awaitChannel needs a listenForChannel before it")
        self._channel = await self._while_connected(self._listener.channel())
        report("channel", peerMtu=self._channel.peer_mtu)

    async def openChannel(self, psm: int) -> None:
        """Opens a channel; the steps that follow are about it."""
        self._connected()
        assert self._connection is not None
        self._channel = await open_channel(self._connection, psm)
        report("channel", peerMtu=self._channel.peer_mtu)

    async def exchangeSdus(self, length: int, count: int) -> None:
        """Sends SDUs of this length, which have to come back."""
        report("exchanged", bytes=await self._while_connected(self._open_channel().exchange(length, count)))

    async def closeChannel(self) -> None:
        await self._open_channel().close()
        self._channel = None

    def _open_channel(self) -> Channel:
        if self._channel is None:
            raise StepError("there is no channel")
        return self._channel

    async def disconnect(self) -> None:
        self._connected()
        assert self._connection is not None and self._disconnected is not None
        await self._connection.disconnect()
        self._report_disconnected(await self._disconnected)

    async def awaitDisconnection(self) -> None:
        """Waits until the camera or the link ends the connection."""
        if self._disconnected is None:
            raise StepError("awaitDisconnection needs a connect before it")
        self._report_disconnected(await self._disconnected)

    def _report_disconnected(self, reason: int) -> None:
        self._connection = self._peer = None
        report("disconnected", reason=reason, name=HCI_Constant.error_name(reason))

    def _report_value(self, characteristic: CharacteristicProxy, value: bytes) -> None:
        report("value", **_value_fields(characteristic, value))

    def _connected(self) -> Peer:
        if self._peer is None or self._disconnected is None or self._disconnected.done():
            raise StepError("there is no connection")
        return self._peer

    def _characteristics(self) -> list[CharacteristicProxy]:
        found = [c for service in self._connected().services for c in service.characteristics]
        if not found:
            raise StepError("no characteristic is known; a discover step comes first")
        return found

    def _characteristic(self, uuid: str) -> CharacteristicProxy:
        for characteristic in self._characteristics():
            if characteristic.uuid == UUID(uuid):
                return characteristic
        raise StepError(f"the camera has no characteristic {uuid}")

    def _descriptor(self, characteristic: str, uuid: str) -> DescriptorProxy:
        found = self._characteristic(characteristic).get_descriptor(UUID(uuid))
        if found is None:
            raise StepError(f"the characteristic {characteristic} has no descriptor {uuid}")
        return found

    def _listen(self, client: Client) -> None:
        """Queues every value that the camera sends, whether it was subscribed to or not."""
        notified, indicated = (
            client.on_att_handle_value_notification,
            client.on_att_handle_value_indication,
        )

        def keep(
            pdu: ATT_Handle_Value_Notification | ATT_Handle_Value_Indication, is_indication: bool
        ) -> None:
            handle, value = pdu.attribute_handle, pdu.attribute_value
            found = next((c for s in client.services for c in s.characteristics if c.handle == handle), None)
            fields = (
                {"uuid": None, "name": None, "handle": handle, "raw": value.hex(), "decoded": None}
                if found is None
                else _value_fields(found, value)
            )
            self._values.put_nowait({**fields, "indication": is_indication})

        def on_notification(pdu: ATT_Handle_Value_Notification) -> None:
            keep(pdu, False)
            notified(pdu)

        def on_indication(pdu: ATT_Handle_Value_Indication) -> None:
            keep(pdu, True)
            indicated(pdu)

        client.on_att_handle_value_notification = on_notification
        client.on_att_handle_value_indication = on_indication

    async def _while_connected(self, wanted: Any) -> Any:
        """The result of `wanted`, or a StepError when the connection ends before."""
        self._connected()
        assert self._disconnected is not None
        task = asyncio.ensure_future(wanted)
        try:
            await asyncio.wait({task, self._disconnected}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise StepError(
                    f"the connection ended: {HCI_Constant.error_name(self._disconnected.result())}"
                )
            return task.result()
        finally:
            task.cancel()


def _identity(uuid: UUID) -> dict[str, Any]:
    return {"uuid": decode.uuid_text(uuid), "name": decode.uuid_name(uuid)}


def _value_fields(characteristic: CharacteristicProxy, value: bytes) -> dict[str, Any]:
    return {
        **_identity(characteristic.uuid),
        "handle": characteristic.handle,
        "raw": value.hex(),
        "decoded": decode.characteristic_value(characteristic.uuid, value),
    }


async def run_step(steps: Steps, step: dict[str, Any]) -> bool:
    """Runs one step and reports how it ended."""
    parameters = dict(step)
    name = parameters.pop("do", "")
    timeout = parameters.pop("timeoutSeconds", STEP_TIMEOUT_SECONDS)
    method = None if name.startswith("_") else getattr(steps, name, None)
    try:
        if method is None:
            raise StepError(f"there is no step {name!r}")
        await asyncio.wait_for(method(**parameters), timeout)
    except (asyncio.TimeoutError, TimeoutError):
        report("failed", step=name, message=f"{name} saw no end within {timeout:g} s")
    except ProtocolError as error:
        report(
            "failed",
            step=name,
            message=f"{name}: {error}",
            namespace=error.error_namespace,
            code=error.error_code,
        )
    except asyncio.CancelledError:
        # Bumble cancels what waits on a connection that ends; the end of our own time passes through.
        task = asyncio.current_task()
        if task is not None and task.cancelling() > 0:
            raise
        report("failed", step=name, message=f"{name}: the connection was lost")
    except (StepError, TypeError, ValueError) as error:
        report("failed", step=name, message=f"{name}: {error}")
    except Exception as error:  # whatever Bumble throws is a failed step, and its name helps
        report("failed", step=name, message=f"{name}: {type(error).__name__}: {error}")
    else:
        report("stepDone", step=name)
        return True
    return False
