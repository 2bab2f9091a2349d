//! Owns the words of `secrets`: the cluster's passwords and keys.
//! Must not know what a command does.

use clap::Subcommand;

/// The cluster's passwords and keys: who may read them, new values.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Make the secrets, or encrypt those that are there.
    ///
    /// With recipients in [secrets] of the inventory, secrets.toml becomes secrets.age;
    /// the plain file goes only when the other one was read back. New ones are made only
    /// where no host was set up with others, so hosts are asked.
    Init,
    /// Names, kinds and where each is used. Never a value.
    List,
    /// Keep a value of your own. It is read from the terminal without echo, or from
    /// standard input; never from an argument.
    Set {
        /// Its name: `shop` is `secret://shop` in the inventory.
        name: String,
    },
    /// Change values in $EDITOR, in a file in memory that goes when the editor ends.
    Edit,
    /// Make new values. The next `apply` rolls them out.
    Rotate {
        /// Names, as `list` prints them.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Encrypt again, to the recipients as they stand in the inventory now.
    Rekey,
}
