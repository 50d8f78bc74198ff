"""One frame in, the matching frame out, through the service that the package carries inside."""

import asyncio

import numpy as np

import parhelion as ph


async def main() -> None:
    """Connects, transforms a frame, changes the prompt and transforms it again."""
    async with ph.LocalServer() as server:
        client = ph.Client(base_url=server.url, api_key=server.api_key)
        rt = await client.realtime.connect(
            None,  # frames are pushed
            model=client.models.realtime("mirage_v2"),
            initial_state=ph.InitialState(
                prompt=ph.Prompt("cinematic lighting, professional photography", enhance=True)
            ),
        )
        rt.on("connection_change", lambda state: print("state:", state))
        rt.on("error", lambda error: print("error:", error.code, error))

        frame = np.zeros((704, 1280, 3), np.uint8)
        frame[:, :640] = (200, 120, 60)
        out = await rt.transform(frame)
        print("cinematic:", out.shape, out.latency, out.input_id)

        await rt.set_prompt("oil painting", enhance=True)
        out = await rt.transform(frame)
        print("oil painting:", out.shape, out.latency, out.input_id)
        await rt.disconnect()


if __name__ == "__main__":
    asyncio.run(main())
