"""A model of one's own: a Python function, served over the real protocol."""

import asyncio

import numpy as np
import numpy.typing as npt

import parhelion as ph

server = ph.LocalServer()


@server.model("negative", fps=30, width=640, height=360)
def negative(frame: npt.NDArray[np.uint8], context: ph.ModelContext) -> npt.NDArray[np.uint8]:
    """Runs on a thread of the session and always gets the newest frame."""
    if context.index == 0:
        print("first frame of session", context.session_id)
    return 255 - frame


async def main() -> None:
    """Uses the model as any client of the protocol would."""
    async with server:
        client = ph.Client(base_url=server.url, api_key=server.api_key)
        async with client.realtime.connect(
            None, model=ph.ModelDefinition(name="negative", fps=30, width=640, height=360)
        ) as rt:
            frame = np.full((360, 640, 3), 40, np.uint8)
            out = await rt.transform(frame)
            print("in:", frame.mean(), "out:", np.asarray(out).mean())


if __name__ == "__main__":
    asyncio.run(main())
