"""Frames in at their own pace, frames out as they come: ``send`` and ``frames``."""

import asyncio

import numpy as np
import numpy.typing as npt

import parhelion as ph

FPS, FRAMES = 22, 110


def picture(number: int) -> npt.NDArray[np.uint8]:
    """A bright disc that circles over a slope of colour."""
    y, x = np.mgrid[0:704, 0:1280]
    angle = number / FPS
    centre_x, centre_y = 640 + 300 * np.cos(angle), 352 + 200 * np.sin(angle)
    disc = (x - centre_x) ** 2 + (y - centre_y) ** 2 < 90**2
    red = np.where(disc, 255, x * 255 // 1279)
    green = np.where(disc, 220, y * 255 // 703)
    return np.dstack((red, green, np.full_like(red, 90))).astype(np.uint8)


async def send(rt: ph.RealTimeClient) -> None:
    """Sends one frame each 1/FPS s, however long the work on it takes."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    for number in range(FRAMES):
        await asyncio.sleep(begin + number / FPS - loop.time())
        rt.send(picture(number))
    await asyncio.sleep(0.5)  # the last frames are still on their way
    await rt.disconnect()  # ends the loop over frames()


async def main() -> None:
    """Reads what comes back while the other task sends."""
    async with ph.LocalServer() as server:
        client = ph.Client(base_url=server.url, api_key=server.api_key)
        async with client.realtime.connect(
            None,
            model=client.models.realtime("mirage_v2"),
            initial_state=ph.InitialState(prompt=ph.Prompt("watercolour")),
        ) as rt:
            sender = asyncio.create_task(send(rt))
            received = 0
            async for frame in rt.frames():
                received += 1
                print(frame.input_id, frame.shape, frame.latency)
            await sender
            print(f"{FRAMES} frames sent, {received} received")


if __name__ == "__main__":
    asyncio.run(main())
