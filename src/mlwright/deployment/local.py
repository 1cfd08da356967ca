"""The local target: one server process on this machine that reads a file."""

from __future__ import annotations

from mlwright.deployment.document import Document, document_path, write_document
from mlwright.deployment.target import Applied
from mlwright.project import Project
from mlwright.serving import AdminClient, RunningServer, find_server, read_token

NOT_RUNNING = Applied(is_running=False, is_applied=False, epoch=0)


class LocalTarget:
    """Runs deployments in the server that `mlwright up` or `mlwright serve` started for this project."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def apply(self, document: Document) -> Applied:
        """Write the file, tell the running server, and wait for its answer."""
        newest = write_document(self.project.database, document_path(self.project)) or document
        client = self._client()
        if client is None:
            return NOT_RUNNING
        answer = client.reload()
        return Applied(
            is_running=True,
            is_applied=answer.is_applied and answer.epoch >= newest.epoch,
            epoch=answer.epoch,
            problem=answer.problem,
        )

    def look(self) -> Applied:
        """Ask the running server which epoch it serves."""
        client = self._client()
        if client is None:
            return NOT_RUNNING
        facts = client.status()
        epoch = facts.get("epoch")
        return Applied(is_running=True, is_applied=True, epoch=epoch if isinstance(epoch, int) else 0)

    def server(self) -> RunningServer | None:
        """Find the server of this project."""
        folder = self.project.run_folder
        return find_server(folder / "server.json", read_token(folder / "admin.token"))

    def _client(self) -> AdminClient | None:
        server = self.server()
        token = read_token(self.project.run_folder / "admin.token")
        if server is None or token is None:
            return None
        return AdminClient(server.admin_port, token, pid=server.pid)
