"""Every command by name: the module that has it, and the line that `--help` shows without importing it."""

# name: (module[:attribute], summary)
COMMANDS = {
    "run": ("run", "Create and run a new container from an image"),
    "exec": ("exec:execute", "Execute a command in a running container"),
    "ps": ("ps", "List containers"),
    "build": ("build", "Build an image from a Dockerfile"),
    "images": ("images", "List images"),
    "pull": ("pull", "Download an image from a registry"),
    "push": ("push", "Upload an image to a registry"),
    "logs": ("logs", "Fetch the logs of a container"),
    "attach": ("attach", "Attach local standard input, output, and error streams to a running container"),
    "commit": ("commit", "Create a new image from a container's changes"),
    "cp": ("cp", "Copy files between a container and the local filesystem"),
    "create": ("create", "Create a new container"),
    "diff": ("diff", "Inspect changes to files on a container's filesystem"),
    "events": ("events", "Get real time events from the daemon"),
    "export": ("export", "Export a container's filesystem as a tar archive"),
    "history": ("history", "Show the history of an image"),
    "import": ("import_image:import_", "Import the contents from a tarball to create a filesystem image"),
    "info": ("info", "Display system-wide information"),
    "inspect": ("inspect", "Return low-level information on objects"),
    "kill": ("kill", "Kill one or more running containers"),
    "load": ("load", "Load an image from a tar archive or STDIN"),
    "login": ("login", "Authenticate to a registry"),
    "logout": ("login:logout", "Log out from a registry"),
    "pause": ("pause", "Pause all processes within one or more containers"),
    "port": ("port", "List a container's port mappings, or publish and unpublish ports"),
    "rename": ("rename", "Rename a container"),
    "restart": ("restart", "Restart one or more containers"),
    "rm": ("rm", "Remove one or more containers"),
    "rmi": ("rmi", "Remove one or more images"),
    "save": ("save", "Save one or more images to a tar archive"),
    "search": ("search", "Search Docker Hub for images"),
    "start": ("start", "Start one or more stopped containers"),
    "stats": ("stats", "Display a live stream of container resource usage statistics"),
    "stop": ("stop", "Stop one or more running containers"),
    "tag": ("tag", "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE"),
    "top": ("top", "Display the running processes of a container"),
    "unpause": ("pause:unpause", "Unpause all processes within one or more containers"),
    "update": ("update", "Update configuration of one or more containers"),
    "version": ("version", "Show the version information"),
    "wait": ("wait", "Block until one or more containers stop, then print their exit codes"),
    "completion": ("completion", "Print the shell completion script for bash, zsh or fish"),
}
_CONTAINER = (
    *("attach", "commit", "cp", "create", "diff", "exec", "export", "inspect", "kill", "logs", "pause", "port"),
    *("rename", "restart", "rm", "run", "start", "stats", "stop", "top", "unpause", "update", "wait"),
)
_IMAGE = ("build", "history", "import", "load", "pull", "push", "save", "tag")
GROUPS = {
    "container": (
        "Manage containers",
        {name: COMMANDS[name] for name in _CONTAINER}
        | {
            "ls": ("ps", "List containers"),
            "prune": ("prune:containers", "Remove all stopped containers"),
            "inspect": ("inspect:container", "Display detailed information on one or more containers"),
        },
    ),
    "image": (
        "Manage images",
        {name: COMMANDS[name] for name in _IMAGE}
        | {
            "ls": ("images", "List images"),
            "rm": ("rmi", "Remove one or more images"),
            "prune": ("prune:images", "Remove unused images"),
            "inspect": ("inspect:image", "Display detailed information on one or more images"),
        },
    ),
    "checkpoint": (
        "Manage checkpoints",
        {
            "create": ("checkpoint:create", "Create a checkpoint from a running container"),
            "ls": ("checkpoint:list_", "List checkpoints for a container"),
            "rm": ("checkpoint:remove", "Remove a checkpoint"),
        },
    ),
    "manifest": (
        "Manage image manifests and manifest lists",
        {
            "annotate": ("manifest:annotate", "Add additional information to a local image manifest"),
            "create": ("manifest:create", "Create a local manifest list for annotating and pushing to a registry"),
            "inspect": ("manifest:inspect", "Display an image manifest, or manifest list"),
            "push": ("manifest:push", "Push a manifest list to a repository"),
            "rm": ("manifest:remove", "Delete one or more manifest lists from local storage"),
        },
    ),
    "network": (
        "Manage networks",
        {
            "connect": ("network:connect", "Connect a container to a network"),
            "create": ("network:create", "Create a network"),
            "disconnect": ("network:disconnect", "Disconnect a container from a network"),
            "inspect": ("inspect:network", "Display detailed information on one or more networks"),
            "ls": ("network:list_", "List networks"),
            "prune": ("prune:networks", "Remove all unused networks"),
            "rm": ("network:remove", "Remove one or more networks"),
        },
    ),
    "volume": (
        "Manage volumes",
        {
            "create": ("volume:create", "Create a volume"),
            "inspect": ("inspect:volume", "Display detailed information on one or more volumes"),
            "ls": ("volume:list_", "List volumes"),
            "prune": ("prune:volumes", "Remove unused local volumes"),
            "rm": ("volume:remove", "Remove one or more volumes"),
        },
    ),
    "builder": (
        "Manage builds",
        {
            "build": COMMANDS["build"],
            "prune": ("prune:builder", "Remove build cache"),
        },
    ),
    "context": (
        "Manage contexts",
        {
            "create": ("context:create", "Create a context"),
            "export": ("context:export", "Export a context to a tar archive FILE or a tar stream on STDOUT"),
            "import": ("context:import_", "Import a context from a tar or zip file"),
            "inspect": ("context:inspect", "Display detailed information on one or more contexts"),
            "ls": ("context:list_", "List contexts"),
            "rm": ("context:remove", "Remove one or more contexts"),
            "show": ("context:show", "Print the name of the current context"),
            "update": ("context:update", "Update a context"),
            "use": ("context:use", "Set the current context"),
        },
    ),
    "system": (
        "Manage wherry",
        {
            "df": ("df", "Show disk usage"),
            "dial-stdio": ("dial_stdio", "Proxy the stdio stream to the daemon connection, for ssh:// clients"),
            "events": COMMANDS["events"],
            "info": COMMANDS["info"],
            "prune": ("prune:everything", "Remove unused data"),
        },
    ),
}
